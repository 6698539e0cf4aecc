// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAllocationManager} from "./interfaces/IAllocationManager.sol";
import {IAVSRegistrar} from "./interfaces/IServiceManager.sol";

/// @title LocalAllocationManager
/// @notice Stands in for EigenLayer's AllocationManager on local chains: same selectors, and deposits that anybody may set.
/// Never deploy it where stake is worth something.
/// @dev What it promises is held against the real core by the same tests (test/promises). Two delays are left out, as nobody
/// could wait for them on a local chain: stake is given back at once, and whoever left may come back at once.
contract LocalAllocationManager is IAllocationManager {
    uint256 public constant DEFAULT_DEPOSIT = 100 ether;
    /// @notice Blocks for which an operator that left stays slashable.
    uint256 public constant DEALLOCATION_DELAY = 1000;
    uint256 private constant WAD = 1e18;

    struct Deposit {
        bool set;
        uint128 amount;
    }

    /* STORAGE */

    mapping(address avs => bool) private _hasMetadata;
    mapping(bytes32 set => bool) private _exists;
    mapping(bytes32 set => address[]) private _members;
    mapping(bytes32 set => mapping(address operator => bool)) private _isMember;
    mapping(bytes32 set => mapping(address operator => mapping(address strategy => uint64))) private _magnitude;
    mapping(bytes32 set => mapping(address operator => uint256 blockNumber)) private _leftAt;
    mapping(address operator => mapping(address strategy => uint64)) private _lost;
    mapping(address operator => Deposit) private _deposits;

    /* EVENTS AND ERRORS */

    event DepositSet(address indexed operator, uint256 amount);
    event OperatorAddedToOperatorSet(address indexed operator, OperatorSet operatorSet);
    event OperatorRemovedFromOperatorSet(address indexed operator, OperatorSet operatorSet);
    event AllocationUpdated(address indexed operator, OperatorSet operatorSet, address strategy, uint64 magnitude);
    event OperatorSlashed(address indexed operator, OperatorSet operatorSet, address strategy, uint256 wad);

    error InvalidCaller();
    error NonexistentAVSMetadata();
    error InvalidOperatorSet();
    error AlreadyMemberOfSet();
    error NotMemberOfSet();
    error InputArrayLengthMismatch();
    error InvalidMagnitude();
    error InvalidWadToSlash();
    error OperatorNotSlashable();

    /* SET-UP */

    /// @notice Sets what an operator has deposited; local only, so there is no token behind it.
    function setDeposit(address operator, uint128 amount) external {
        _deposits[operator] = Deposit(true, amount);
        emit DepositSet(operator, amount);
    }

    function updateAVSMetadataURI(address avs, string calldata) external {
        if (msg.sender != avs) revert InvalidCaller();
        _hasMetadata[avs] = true;
    }

    function createOperatorSets(address avs, CreateSetParams[] calldata params) external {
        if (msg.sender != avs) revert InvalidCaller();
        if (!_hasMetadata[avs]) revert NonexistentAVSMetadata();
        for (uint256 i = 0; i < params.length; ++i) {
            bytes32 key = _key(OperatorSet(avs, params[i].operatorSetId));
            if (_exists[key]) revert InvalidOperatorSet();
            _exists[key] = true;
        }
    }

    /* OPERATORS */

    function registerForOperatorSets(address operator, RegisterParams calldata params) external {
        if (msg.sender != operator) revert InvalidCaller();
        for (uint256 i = 0; i < params.operatorSetIds.length; ++i) {
            OperatorSet memory operatorSet = OperatorSet(params.avs, params.operatorSetIds[i]);
            bytes32 key = _existing(operatorSet);
            if (_isMember[key][operator]) revert AlreadyMemberOfSet();
            _isMember[key][operator] = true;
            _members[key].push(operator);
            emit OperatorAddedToOperatorSet(operator, operatorSet);
        }
        IAVSRegistrar(params.avs).registerOperator(operator, params.avs, params.operatorSetIds, params.data);
    }

    function deregisterFromOperatorSets(DeregisterParams calldata params) external {
        if (msg.sender != params.operator && msg.sender != params.avs) revert InvalidCaller();
        for (uint256 i = 0; i < params.operatorSetIds.length; ++i) {
            OperatorSet memory operatorSet = OperatorSet(params.avs, params.operatorSetIds[i]);
            bytes32 key = _existing(operatorSet);
            if (!_isMember[key][params.operator]) revert NotMemberOfSet();
            _isMember[key][params.operator] = false;
            _leftAt[key][params.operator] = block.number;
            _remove(_members[key], params.operator);
            emit OperatorRemovedFromOperatorSet(params.operator, operatorSet);
        }
        IAVSRegistrar(params.avs).deregisterOperator(params.operator, params.avs, params.operatorSetIds);
    }

    function modifyAllocations(address operator, AllocateParams[] calldata params) external {
        if (msg.sender != operator) revert InvalidCaller();
        for (uint256 i = 0; i < params.length; ++i) {
            bytes32 key = _existing(params[i].operatorSet);
            uint256 count = params[i].strategies.length;
            if (count != params[i].newMagnitudes.length) revert InputArrayLengthMismatch();
            for (uint256 j = 0; j < count; ++j) {
                uint64 magnitude = params[i].newMagnitudes[j];
                // what was slashed once is not there to allocate
                if (magnitude > WAD - _lost[operator][params[i].strategies[j]]) revert InvalidMagnitude();
                _magnitude[key][operator][params[i].strategies[j]] = magnitude;
                emit AllocationUpdated(operator, params[i].operatorSet, params[i].strategies[j], magnitude);
            }
        }
    }

    function slashOperator(address avs, SlashingParams calldata params) external {
        if (msg.sender != avs) revert InvalidCaller();
        OperatorSet memory operatorSet = OperatorSet(avs, params.operatorSetId);
        bytes32 key = _existing(operatorSet);
        if (!isOperatorSlashable(params.operator, operatorSet)) revert OperatorNotSlashable();
        if (params.strategies.length != params.wadsToSlash.length) revert InputArrayLengthMismatch();
        for (uint256 i = 0; i < params.strategies.length; ++i) {
            uint256 wad = params.wadsToSlash[i];
            if (wad == 0 || wad > WAD) revert InvalidWadToSlash();
            uint64 magnitude = _magnitude[key][params.operator][params.strategies[i]];
            uint64 left = uint64(magnitude * (WAD - wad) / WAD);
            _magnitude[key][params.operator][params.strategies[i]] = left;
            _lost[params.operator][params.strategies[i]] += magnitude - left;
            emit OperatorSlashed(params.operator, operatorSet, params.strategies[i], wad);
        }
    }

    /* VIEWS */

    function getMinimumSlashableStake(
        OperatorSet calldata operatorSet,
        address[] calldata operators,
        address[] calldata strategies,
        uint32
    ) external view returns (uint256[][] memory) {
        return _stake(operatorSet, operators, strategies, true);
    }

    function getAllocatedStake(
        OperatorSet calldata operatorSet,
        address[] calldata operators,
        address[] calldata strategies
    ) external view returns (uint256[][] memory) {
        return _stake(operatorSet, operators, strategies, false);
    }

    function getMembers(OperatorSet calldata operatorSet) external view returns (address[] memory) {
        return _members[_key(operatorSet)];
    }

    function isMemberOfOperatorSet(address operator, OperatorSet calldata operatorSet) external view returns (bool) {
        return _isMember[_key(operatorSet)][operator];
    }

    function isOperatorSlashable(address operator, OperatorSet memory operatorSet) public view returns (bool) {
        bytes32 key = _key(operatorSet);
        uint256 leftAt = _leftAt[key][operator];
        return _isMember[key][operator] || (leftAt != 0 && block.number <= leftAt + DEALLOCATION_DELAY);
    }

    function deposit(address operator) public view returns (uint256) {
        Deposit memory entry = _deposits[operator];
        return entry.set ? entry.amount : DEFAULT_DEPOSIT;
    }

    function _stake(
        OperatorSet calldata operatorSet,
        address[] calldata operators,
        address[] calldata strategies,
        bool slashableOnly
    ) private view returns (uint256[][] memory stake) {
        bytes32 key = _key(operatorSet);
        stake = new uint256[][](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            stake[i] = new uint256[](strategies.length);
            if (slashableOnly && !isOperatorSlashable(operators[i], operatorSet)) continue;
            for (uint256 j = 0; j < strategies.length; ++j) {
                stake[i][j] = deposit(operators[i]) * _magnitude[key][operators[i]][strategies[j]] / WAD;
            }
        }
    }

    function _existing(OperatorSet memory operatorSet) private view returns (bytes32 key) {
        key = _key(operatorSet);
        if (!_exists[key]) revert InvalidOperatorSet();
    }

    function _key(OperatorSet memory operatorSet) private pure returns (bytes32) {
        return keccak256(abi.encode(operatorSet));
    }

    function _remove(address[] storage list, address item) private {
        uint256 last = list.length - 1;
        for (uint256 i = 0; i <= last; ++i) {
            if (list[i] != item) continue;
            list[i] = list[last];
            list.pop();
            return;
        }
    }
}
