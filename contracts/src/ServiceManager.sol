// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {IAllocationManager} from "./interfaces/IAllocationManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";
import {IAVSRegistrar, IServiceManager} from "./interfaces/IServiceManager.sol";

/// @title ServiceManager
/// @notice See {IServiceManager}.
/// @dev Its address is the AVS: EigenLayer lets an AVS call in its own name without permissions set up, and takes it as
/// the registrar by default. There is one operator set, number 0, with one strategy.
contract ServiceManager is IServiceManager, OwnableUpgradeable, UUPSUpgradeable {
    /* CONSTANTS */

    uint32 public constant OPERATOR_SET = 0;

    IAllocationManager public immutable allocationManager;
    IKeeperRegistry public immutable registry;
    address public immutable strategy;
    /// @notice Stake counts only if it stays slashable this many blocks, by `block.number` (see Chain); EigenLayer wants
    /// fewer than its deallocation delay.
    uint32 public immutable slashableBlocks;

    /* STORAGE */

    /// @inheritdoc IServiceManager
    address public challenger;

    /* CONSTRUCTOR */

    constructor(IAllocationManager allocationManager_, IKeeperRegistry registry_, address strategy_, uint32 blocks) {
        allocationManager = allocationManager_;
        registry = registry_;
        strategy = strategy_;
        slashableBlocks = blocks;
        _disableInitializers();
    }

    /// @dev EigenLayer wants the metadata before the first operator set.
    function initialize(address owner, address challenger_, string calldata metadataURI) external initializer {
        __Ownable_init(owner);
        _setChallenger(challenger_);
        allocationManager.updateAVSMetadataURI(address(this), metadataURI);
        IAllocationManager.CreateSetParams[] memory sets = new IAllocationManager.CreateSetParams[](1);
        sets[0] = IAllocationManager.CreateSetParams(OPERATOR_SET, _list(strategy));
        allocationManager.createOperatorSets(address(this), sets);
    }

    function _authorizeUpgrade(address) internal override onlyOwner {}

    function setMetadataURI(string calldata metadataURI) external onlyOwner {
        allocationManager.updateAVSMetadataURI(address(this), metadataURI);
    }

    function setChallenger(address challenger_) external onlyOwner {
        _setChallenger(challenger_);
    }

    function _setChallenger(address challenger_) private {
        challenger = challenger_;
        emit ChallengerChanged(challenger_);
    }

    /* REGISTRAR */

    modifier onlyAllocationManager(address avs) {
        if (msg.sender != address(allocationManager)) revert OnlyAllocationManager();
        if (avs != address(this)) revert UnknownAVS(avs);
        _;
    }

    /// @inheritdoc IAVSRegistrar
    function registerOperator(address operator, address avs, uint32[] calldata operatorSetIds, bytes calldata data)
        external
        onlyAllocationManager(avs)
    {
        if (operatorSetIds.length != 1 || operatorSetIds[0] != OPERATOR_SET) revert UnknownOperatorSet();
        (bytes memory blsKey, bytes memory proofOfPossession, bytes32 peerKey) =
            abi.decode(data, (bytes, bytes, bytes32));
        registry.register(operator, blsKey, proofOfPossession, peerKey);
    }

    /// @inheritdoc IAVSRegistrar
    function deregisterOperator(address operator, address avs, uint32[] calldata) external onlyAllocationManager(avs) {
        registry.deregister(operator);
    }

    /// @inheritdoc IAVSRegistrar
    function supportsAVS(address avs) external view returns (bool) {
        return avs == address(this);
    }

    /* STAKE */

    /// @inheritdoc IServiceManager
    /// @dev EigenLayer counts in `block.number` wherever it is, so this does too, whatever the anchors count in (Chain).
    function stakes(address[] calldata operators) external view returns (uint256[] memory amounts) {
        uint256[][] memory byStrategy = allocationManager.getMinimumSlashableStake(
            _set(), operators, _list(strategy), uint32(block.number) + slashableBlocks
        );
        amounts = new uint256[](operators.length);
        for (uint256 i = 0; i < operators.length; ++i) {
            amounts[i] = byStrategy[i][0];
        }
    }

    /* SLASHING */

    modifier onlyChallenger() {
        if (msg.sender != challenger) revert OnlyChallenger();
        _;
    }

    /// @inheritdoc IServiceManager
    /// @dev EigenLayer skips a strategy without allocated stake silently, and later cores return what 1.4 does not: so
    /// the stake before and after tells what was taken.
    function slash(address operator, uint256 wad, string calldata description)
        external
        onlyChallenger
        returns (uint256 amount)
    {
        if (wad == 0 || wad > 1e18) revert InvalidWad(wad);
        if (allocationManager.isOperatorSlashable(operator, _set())) {
            uint256 before = _allocated(operator);
            uint256[] memory wads = new uint256[](1);
            wads[0] = wad;
            allocationManager.slashOperator(
                address(this),
                IAllocationManager.SlashingParams(operator, OPERATOR_SET, _list(strategy), wads, description)
            );
            amount = before - _allocated(operator);
        }
        emit OperatorSlashed(operator, wad, amount, description);
    }

    /// @inheritdoc IServiceManager
    function eject(address operator) external onlyChallenger {
        registry.eject(operator);
    }

    function _allocated(address operator) private view returns (uint256) {
        return allocationManager.getAllocatedStake(_set(), _list(operator), _list(strategy))[0][0];
    }

    function _set() private view returns (IAllocationManager.OperatorSet memory) {
        return IAllocationManager.OperatorSet(address(this), OPERATOR_SET);
    }

    function _list(address item) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = item;
    }
}
