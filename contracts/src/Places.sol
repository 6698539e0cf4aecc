// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IServiceManager} from "./interfaces/IServiceManager.sol";

/// @title Places
/// @notice Who has which place in the committees, and who had it in earlier epochs.
/// @dev A place is an index, its bit in every bitmap of signers. Whoever leaves keeps it, until all are taken and somebody
/// needs one: then it may go to a newcomer, once the stake of the one before can no longer be slashed, or after the one
/// before has had no stake for as long. From the next epoch on; what the place stood for before, it stands for still.
abstract contract Places is IKeeperRegistry {
    /// @dev Somebody who had a place, up to an epoch.
    struct Tenure {
        address operator;
        uint32 untilEpoch;
    }

    /// @dev The place that an operator had, up to an epoch.
    struct Stay {
        uint16 index;
        uint32 untilEpoch;
    }

    /* CONSTANTS */

    /// @notice Places in a committee.
    uint256 public constant MAX_OPERATORS = 256;
    /// @dev How many blocks a draft may take, by `block.number` (see Chain): its first stakes must not be old when the epoch
    /// begins.
    uint256 internal constant DRAFT_BLOCKS = 100;

    IServiceManager public immutable serviceManager;

    /* STORAGE */

    uint32 public currentEpoch;
    mapping(address => Operator) internal _operators;
    address[] internal _operatorAt;
    /// @dev oldest first, without whoever has it now; empty for nearly all
    mapping(uint256 index => Tenure[]) private _tenures;
    mapping(address operator => Stay[]) private _stays;
    /// @dev rows with stake of the epochs that were opened since `_turnedAt`, and in the span before
    uint256 private _staked;
    uint256 private _stakedBefore;
    /// @dev a `block.number`, as everything here
    uint64 private _turnedAt;

    constructor(IServiceManager serviceManager_) {
        serviceManager = serviceManager_;
    }

    /* COMING AND GOING */

    /// @dev Gives an operator its place back, or another one if that went to somebody else.
    function _takePlace(address operator, Operator storage record) internal {
        record.movedAt = uint64(block.number);
        uint16 index = record.index;
        if (record.known && _operatorAt[index] == operator) return;
        if (record.known) {
            _stays[operator].push(Stay(index, currentEpoch));
            record.keyHash = 0; // its keys are not in the new place yet
        }
        uint256 count = _operatorAt.length;
        if (count < MAX_OPERATORS) {
            _operatorAt.push(operator);
        } else {
            count = _vacancy();
            address before = _operatorAt[count];
            _leave(before, _operators[before]);
            _tenures[count].push(Tenure(before, currentEpoch));
            _operatorAt[count] = operator;
        }
        (record.known, record.index) = (true, uint16(count));
    }

    function _leave(address operator, Operator storage record) internal {
        if (!record.registered) return;
        record.registered = false;
        record.movedAt = uint64(block.number);
        emit OperatorDeregistered(operator, record.index);
    }

    /// @dev A draft under way may hold a row for so long after its operator left.
    function _span() private view returns (uint256) {
        return uint256(serviceManager.slashableBlocks()) + DRAFT_BLOCKS;
    }

    /// @dev The first place that may go to another operator: its own left a span ago, or had stake in no epoch for as long.
    function _vacancy() private view returns (uint256) {
        uint256 span = _span();
        // a draft may count on one that has stake again
        uint256 staked = _isDrafting() ? type(uint256).max : _staked | _stakedBefore;
        for (uint256 i = 0; i < MAX_OPERATORS; ++i) {
            Operator storage record = _operators[_operatorAt[i]];
            if (record.movedAt + span >= block.number) continue;
            if (!record.registered || (staked >> i) & 1 == 0) return i;
        }
        revert TooManyOperators();
    }

    /// @dev Whether the next epoch's table is under way.
    function _isDrafting() internal view virtual returns (bool);

    /// @dev Remembers who has stake in an epoch that is opened.
    function _noteStaked(uint256 rows) internal {
        if (block.number > _turnedAt + _span()) {
            _stakedBefore = _staked;
            _staked = 0;
            _turnedAt = uint64(block.number);
        }
        _staked |= rows;
    }

    /* VIEWS */

    /// @inheritdoc IKeeperRegistry
    function operatorInfo(address operator) external view returns (Operator memory) {
        return _operators[operator];
    }

    /// @inheritdoc IKeeperRegistry
    function isRegistered(address account) external view returns (bool) {
        return _operators[account].registered;
    }

    /// @inheritdoc IKeeperRegistry
    function operatorAt(uint32 epoch, uint16 index) public view returns (address) {
        Tenure[] storage before = _tenures[index];
        for (uint256 i = 0; i < before.length; ++i) {
            if (epoch <= before[i].untilEpoch) return before[i].operator;
        }
        return index < _operatorAt.length ? _operatorAt[index] : address(0);
    }

    /// @inheritdoc IKeeperRegistry
    function placeOf(uint32 epoch, address operator) public view returns (bool held, uint16 index) {
        index = _operators[operator].index;
        Stay[] storage before = _stays[operator];
        for (uint256 i = 0; i < before.length; ++i) {
            if (epoch > before[i].untilEpoch) continue;
            index = before[i].index;
            break;
        }
        held = operatorAt(epoch, index) == operator;
    }

    /// @inheritdoc IKeeperRegistry
    function operatorCount() external view returns (uint16) {
        return uint16(_operatorAt.length);
    }
}
