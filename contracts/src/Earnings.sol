// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {IKeeperRegistry} from "./interfaces/IKeeperRegistry.sol";

/// @title Earnings
/// @notice Account of what every operator earned, in two sums per epoch: all fees, and the fees each one missed.
/// @dev An operator's part of a fee is stake / total stake of the whole committee, also when some are absent: what would
/// have been theirs stays with the job. So nobody gains when a signer is dropped. Parts are rounded down here and the
/// price is rounded up, so what is owed never exceeds what was charged.
abstract contract Earnings {
    /// @dev `fees`: of all tasks settled under the epoch's certificates; `missed`: those an index did not sign.
    struct Ledger {
        uint256 fees;
        mapping(uint256 index => uint256) missed;
    }

    IKeeperRegistry public immutable registry;
    IJobManager public immutable jobManager;

    /* STORAGE */

    mapping(uint32 epoch => mapping(address token => Ledger)) private _ledgers;
    /// @notice What an operator has claimed of an epoch's fees.
    mapping(address operator => mapping(address token => mapping(uint32 epoch => uint256))) public claimed;

    constructor(IKeeperRegistry registry_, IJobManager jobManager_) {
        registry = registry_;
        jobManager = jobManager_;
    }

    /// @dev What a job pays for one task: the signers' part of its fee, rounded up.
    function _price(uint256 fee, uint256 signedStake, uint256 totalStake) internal pure returns (uint256) {
        return (fee * signedStake + totalStake - 1) / totalStake;
    }

    /// @dev `absent`: bitmap of the indices that did not sign.
    function _earn(uint32 epoch, address token, uint256 sum, uint256 absent) internal {
        if (sum == 0) return;
        Ledger storage ledger = _ledgers[epoch][token];
        ledger.fees += sum;
        for (uint256 i = 0; absent != 0; ++i) {
            if (absent & 1 == 1) ledger.missed[i] += sum;
            absent >>= 1;
        }
    }

    /// @dev Marks everything owed in the epochs as claimed and returns it; an epoch named twice counts once.
    function _takeOwed(address operator, address token, uint32[] calldata epochs) internal returns (uint256 amount) {
        for (uint256 i = 0; i < epochs.length; ++i) {
            uint256 part = _owedIn(operator, token, epochs[i]);
            claimed[operator][token][epochs[i]] += part;
            amount += part;
        }
    }

    function _owedIn(address operator, address token, uint32 epoch) internal view returns (uint256) {
        IKeeperRegistry.Operator memory record = registry.operatorInfo(operator);
        if (!record.known) return 0;
        uint256 stake = registry.stakeOf(epoch, record.index);
        if (stake == 0) return 0;
        Ledger storage ledger = _ledgers[epoch][token];
        uint256 earned = ledger.fees - ledger.missed[record.index];
        return earned * stake / registry.epochInfo(epoch).totalStake - claimed[operator][token][epoch];
    }
}
